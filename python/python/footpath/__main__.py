"""`python -m footpath` is the command `footpath`."""

import sys

from ._command import main

sys.exit(main())
