"""`python -m soc_copilot.cli`, the same as the soc-copilot command."""

import sys

from soc_copilot.cli import main

sys.exit(main())
