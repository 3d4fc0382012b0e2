import os

from django.conf import settings
from django.urls import path
from django.views.static import serve

from orders import health, pages, views

urlpatterns = [
    path('', pages.front),
    path('slow', pages.slow),
    path('healthz', health.healthz),
    path('orders', views.orders),
    path('orders/count', views.count),
    path('orders/ledger', views.ledger),
    path('uploads', views.uploads),
]

# Nginx serves the static files; where there is none (a test with Gunicorn alone) Django can.
if os.environ.get('SHOP_SERVE_STATIC'):
    urlpatterns.append(path('static/<path:path>', serve, {'document_root': settings.STATIC_ROOT}))
