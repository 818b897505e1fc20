"""Files of the examiner to tables of the case: places of addresses, makers of devices.

Nothing is fetched: the files are given, hashed, and named in every row. The tables lie beside the captures, in the
folder `references`, and are made anew as a whole each time.
"""

from .build import enrich

__all__ = ["enrich"]
