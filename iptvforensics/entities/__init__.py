"""Tables of the captures to who is who: devices, lines, panels, servers, channels, titles and their links."""

from .build import build

__all__ = ["build"]
