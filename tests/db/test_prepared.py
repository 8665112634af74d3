"""Prepared statements."""

from sqlalchemy import Engine, event

from pearshop.db.prepared import Prepared

SUM = Prepared(
    "test_sum",
    {"numbers": "bigint[]", "more": "int"},
    "SELECT sum(n) + :more, min(n)::text FROM unnest(:numbers) AS t(n)",
    before="SELECT set_config('pearshop.test', :word, true);",
)


def test_a_statement_is_prepared_once_for_a_connection(engine: Engine) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for start in (1, 2):
        with engine.begin() as connection:
            parameters = {"numbers": [start, 10], "more": 5, "word": "100% :more"}
            assert SUM.execute(connection, parameters).one() == (start + 15, str(start))
    assert [each.split()[0] for each in statements] == ["PREPARE", "SELECT", "SELECT"]
    engine.dispose()
    with engine.begin() as connection:
        assert SUM.execute(connection, {"numbers": [], "more": 5, "word": ""}).one() == (None, None)
