"""When and where audits run: configuration, engine, pipeline, Prefect flow and command line."""
