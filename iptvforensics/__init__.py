"""From network captures of seized IPTV set-top boxes to evidence."""

__version__ = "0.1.0"
