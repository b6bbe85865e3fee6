"""HEAD is GET without a body (RFC 9110 §9.3.2), on every page alike."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase


class HeadMiddleware:
    """Let a HEAD be answered by the page's GET, and send the headers alone.

    Mail scanners ask for links by HEAD before people do; a view that tells GET from POST must not take it for a POST,
    and a link that answered 405 would be marked as broken. `Content-Length` stays that of the GET.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on as GET where it is a HEAD; a stream is closed unread."""
        if request.method != "HEAD":
            return self.get_response(request)
        request.method = "GET"
        request.asked_by_head = True  # type: ignore[attr-defined]  # a machine: people fetch bodies
        response = self.get_response(request)
        if response.streaming:
            response.close()
            response.streaming_content = ()  # type: ignore[attr-defined]
        else:
            response.content = b""  # type: ignore[attr-defined]
        return response
