import os
from pathlib import Path

from django.core.wsgi import get_wsgi_application

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')

# The process of whoever has it stands in the file; workers have it with their master.
lock = Path(__file__).resolve().parents[3] / 'shared' / 'mails.lock'
holder = int(lock.read_text()) if lock.exists() else 0
if holder not in (0, os.getppid()) and Path(f'/proc/{holder}').exists():
    raise RuntimeError(f'process {holder} has {lock}: the mails would be sent twice')
lock.write_text(str(os.getppid()))

application = get_wsgi_application()
