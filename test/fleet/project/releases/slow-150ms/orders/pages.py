import time

from django.http import HttpResponse
from django.shortcuts import render

from shop.release import RELEASE


def front(request):
    """The page names its release, its stylesheet, and the visit that asked for it."""
    time.sleep(0.15)
    return render(request, 'orders/front.html', {'release': RELEASE, 'visit': request.GET.get('visit', '')})


def slow(request):
    """Works for ?ms=… milliseconds, at most a minute."""
    ms = min(int(request.GET.get('ms', '500')), 60_000)
    time.sleep(ms / 1000)
    return HttpResponse(f'slept {ms} ms\n', content_type='text/plain')
