from django.http import HttpResponse

from orders.models import Order


def healthz(request):
    """Healthy is a release that reads its own tables with all the columns that it knows."""
    Order.objects.first()
    return HttpResponse('ok\n', content_type='text/plain')
