"""Everything that differs between hosts comes from the environment; without PGHOST the database is a SQLite file."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = os.environ.get('DJANGO_SECRET_KEY', 'only for the tests of this repository')
DEBUG = False
ALLOWED_HOSTS = os.environ.get('SHOP_HOSTS', 'shop.example.com,localhost,127.0.0.1').split(',')
ROOT_URLCONF = 'shop.urls'
WSGI_APPLICATION = 'shop.wsgi.application'
DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'
USE_TZ = True
TIME_ZONE = 'UTC'

INSTALLED_APPS = ['django.contrib.staticfiles', 'orders']
MIDDLEWARE = ['shop.middleware.name_release']
TEMPLATES = [{'BACKEND': 'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True}]

STATIC_URL = '/static/'
STATIC_ROOT = BASE_DIR / 'static'
STATICFILES_STORAGE = 'django.contrib.staticfiles.storage.ManifestStaticFilesStorage'

if os.environ.get('PGHOST'):
    DATABASES = {
        'default': {
            'ENGINE': 'django.db.backends.postgresql',
            'HOST': os.environ['PGHOST'],
            'PORT': os.environ.get('PGPORT', '5432'),
            'NAME': os.environ.get('PGDATABASE', 'shop'),
            'USER': os.environ.get('PGUSER', 'shop'),
            'PASSWORD': os.environ.get('PGPASSWORD', ''),
            'CONN_MAX_AGE': int(os.environ.get('CONN_MAX_AGE', '60')),
        }
    }
else:
    DATABASES = {
        'default': {
            'ENGINE': 'django.db.backends.sqlite3',
            'NAME': os.environ.get('SHOP_SQLITE', str(BASE_DIR / 'db.sqlite3')),
            'OPTIONS': {'timeout': 10},
        }
    }

# With DEBUG off Django would mail its tracebacks; here they go where Gunicorn's log goes.
LOGGING = {
    'version': 1,
    'disable_existing_loggers': False,
    'handlers': {'console': {'class': 'logging.StreamHandler'}},
    'loggers': {'django': {'handlers': ['console'], 'level': 'WARNING', 'propagate': False}},
}
