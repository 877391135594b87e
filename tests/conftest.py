def pytest_collectstart(collector):
    """TensorFlow's native log lines reach stderr in Jupyter and not here: nbval must not compare them.

    That no committed notebook stores any is a test of its own (test_notebooks.py).
    """
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr",)
