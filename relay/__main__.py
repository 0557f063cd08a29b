"""`python -m relay` is the same command as `relay`."""

import sys

from relay.cli import main

sys.exit(main())
