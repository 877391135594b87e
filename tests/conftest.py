"""TensorFlow is set up as in every notebook (oneDNN off, no start-up notes) before a test imports it by itself."""

import optkit.hardware  # noqa: F401
