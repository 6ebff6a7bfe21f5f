"""What Tocsin remembers: alerts, the state of its operators, and how far each source was read.

SQLAlchemy Core over SQLite or PostgreSQL; functions take a connection, and the caller commits:

    engine = open_store(default_url())
    with engine.begin() as connection:  # all of it, or nothing
        save_alerts(connection, alerts)
        write_state(connection, "new_terms:rule-1", changes)
        write_position(connection, "file:/var/log/events.ndjson", position)
"""
