"""What schemathesis cannot know: how a picture is drawn that this service takes."""

import schemathesis
from hypothesis import strategies as st

from tests.serving.files import jpeg, pixels, png

schemathesis.openapi.media_type("image/png", st.integers(0, 99).map(lambda seed: png(pixels(seed))))
schemathesis.openapi.media_type("image/jpeg", st.integers(0, 99).map(jpeg))
