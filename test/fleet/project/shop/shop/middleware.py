from shop.release import RELEASE


def name_release(get_response):
    """Says on every answer, errors included, which release gave it."""

    def middleware(request):
        response = get_response(request)
        response['X-Release'] = RELEASE
        return response

    return middleware
