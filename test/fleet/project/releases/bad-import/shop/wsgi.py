import os

from django.core.wsgi import get_wsgi_application

import shop.payments  # there is no such module: the release that someone forgot to commit

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')

application = get_wsgi_application()
