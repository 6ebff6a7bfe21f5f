"""Settings, the pipeline and its counters: the only place that wires the other layers together."""
