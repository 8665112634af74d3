"""PostgreSQL: engine, tables, a repository per noun, migrations, the embedded server."""
