import hashlib
import json

from django.db.models import Count
from django.http import HttpResponse, HttpResponseBadRequest, JsonResponse
from django.views.decorators.http import require_POST

from orders.models import Order


@require_POST
def orders(request):
    """Takes {"id": …}, stores it, and only then answers with the same id."""
    try:
        key = json.loads(request.body)['id']
    except (ValueError, KeyError, TypeError):
        return HttpResponseBadRequest('an order is {"id": …}\n', content_type='text/plain')
    Order.take(request, key)
    return JsonResponse({'id': key}, status=201)


@require_POST
def uploads(request):
    """Reads the whole body and says what arrived."""
    digest, length = hashlib.sha256(), 0
    while chunk := request.read(65536):
        digest.update(chunk)
        length += len(chunk)
    return JsonResponse({'length': length, 'sha256': digest.hexdigest()})


def count(request):
    """How many orders begin with ?prefix=…, and how many different ones."""
    keys = Order.objects.filter(key__startswith=request.GET.get('prefix', ''))
    return JsonResponse({'rows': keys.count(), 'distinct': keys.values('key').distinct().count()})


def ledger(request):
    """One line per order that begins with ?prefix=…: its id, and how often it was stored."""
    keys = Order.objects.filter(key__startswith=request.GET.get('prefix', ''))
    lines = (f"{row['key']} {row['times']}\n" for row in keys.values('key').annotate(times=Count('id')).order_by('key'))
    return HttpResponse(lines, content_type='text/plain')
