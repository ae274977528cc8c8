"""`python -m l2h`: the same as the command `l2h`."""

import sys

from l2h.cli import main

sys.exit(main())
