"""A viewer's app built on pyxtream: logs in and reads the catalogue, as `viewers` starts it on a box.

python viewer_library.py BASE_URL USERNAME PASSWORD FOLDER
"""

import sys

from pyxtream.pyxtream import XTream


def main() -> None:
    base, username, password, folder = sys.argv[1:5]
    library = XTream("lab", username, password, base, cache_path=folder)
    if not library.auth_data:
        sys.exit("not let in")
    library.load_iptv()
    sys.stdout.write(f"{len(library.channels)} channels, {len(library.movies)} films\n")


if __name__ == "__main__":
    main()
