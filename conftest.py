# At the root, because pytest asks only the conftest files above a notebook about it.


def pytest_collectstart(collector):
    """TensorFlow's native log lines reach stderr in Jupyter and not here: nbval must not compare them.

    That no committed notebook stores any is a test of its own (tests/test_notebooks.py).
    """
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr",)
