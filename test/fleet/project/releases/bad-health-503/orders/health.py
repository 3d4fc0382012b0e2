from django.http import HttpResponse


def healthz(request):
    return HttpResponse('the payment provider does not answer\n', status=503, content_type='text/plain')
