from django.http import HttpResponseRedirect


def healthz(request):
    return HttpResponseRedirect('https://shop.example.com/login?next=/healthz')
