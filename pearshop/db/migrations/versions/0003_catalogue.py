"""What the catalogue is searched, filtered and sorted by."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FUNCTIONS = r"""
CREATE FUNCTION folded(written TEXT) RETURNS TEXT
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
RETURN translate(
    lower(regexp_replace(normalize(written, NFKD), U&'[''\2019\0300-\036f]', '', 'g')),
    U&'\03c2', U&'\03c3'
);

CREATE FUNCTION in_words(written TEXT) RETURNS TEXT
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
RETURN regexp_replace(folded(written), '[\u0001-/:-@\[-`{-\u00a0\u2010-\u205e]+', ' ', 'g');

CREATE FUNCTION trigrams(word TEXT) RETURNS TEXT[]
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
RETURN ARRAY(SELECT DISTINCT substr('  ' || word || ' ', i, 3)
             FROM generate_series(1, length(word) + 1) AS i);
"""

COLUMNS = """
ALTER TABLE products
ADD COLUMN in_stock BOOLEAN GENERATED ALWAYS AS (stock IS NULL OR stock > 0) STORED NOT NULL,
ADD COLUMN name_key TEXT COLLATE "C" GENERATED ALWAYS AS (left(folded(name), 100)) STORED NOT NULL,
ADD COLUMN search TSVECTOR GENERATED ALWAYS AS (
    setweight(to_tsvector('simple', in_words(name || ' ' || COALESCE(sku, ''))), 'A')
    || setweight(to_tsvector('english', in_words(name || ' ' || COALESCE(sku, ''))), 'B')
    || setweight(to_tsvector('english', in_words(description)), 'D')
) STORED NOT NULL;

CREATE INDEX ix_products_search ON products USING GIN (search) WITH (fastupdate = off)
    WHERE NOT hidden;
CREATE INDEX ix_products_search_names ON products USING GIN (ts_filter(search, '{a,b}'))
    WITH (fastupdate = off) WHERE NOT hidden;
CREATE INDEX ix_products_name_key_id ON products (name_key, id) WHERE NOT hidden;
CREATE INDEX ix_products_price_id ON products (price, id) WHERE NOT hidden;
CREATE INDEX ix_products_category_id ON products (category, id) WHERE NOT hidden;
CREATE INDEX ix_products_category_updated_at_id ON products (category, updated_at, id)
    WHERE NOT hidden;
CREATE INDEX ix_products_category_name_key_id ON products (category, name_key, id)
    WHERE NOT hidden;
CREATE INDEX ix_products_category_price_id ON products (category, price, id) WHERE NOT hidden;
CREATE INDEX ix_products_sold_out ON products (updated_at, id) WHERE NOT hidden AND NOT in_stock;
CREATE INDEX ix_products_in_stock ON products (updated_at, id) WHERE NOT hidden AND in_stock;
CREATE INDEX ix_products_off_sale ON products (updated_at) WHERE hidden;
"""

WORDS = """
CREATE TABLE search_words (
    word TEXT COLLATE "C" NOT NULL,
    trigrams TEXT[] GENERATED ALWAYS AS (
        CASE WHEN length(word) >= 4 AND word !~ '[0-9]' THEN trigrams(word) END
    ) STORED,
    CONSTRAINT pk_search_words PRIMARY KEY (word)
);
COMMENT ON TABLE search_words IS
    'Words of product names and skus: what a word may be the beginning of, or a slip for.';
CREATE INDEX ix_search_words_trigrams ON search_words USING GIN (trigrams)
    WITH (fastupdate = off);

CREATE FUNCTION keep_search_words() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_words (word)
    SELECT w FROM unnest(tsvector_to_array(ts_filter(NEW.search, '{a}'))) AS w
    ORDER BY w
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER words_of_a_new_product AFTER INSERT ON products
    FOR EACH ROW EXECUTE FUNCTION keep_search_words();
CREATE TRIGGER words_of_a_change AFTER UPDATE OF name, sku ON products
    FOR EACH ROW WHEN (old.search IS DISTINCT FROM new.search)
    EXECUTE FUNCTION keep_search_words();

INSERT INTO search_words (word)
SELECT DISTINCT w FROM products, unnest(tsvector_to_array(ts_filter(search, '{a}'))) AS w;
"""


def upgrade() -> None:
    for part in (FUNCTIONS, COLUMNS, WORDS):
        op.get_bind().exec_driver_sql(part)


def downgrade() -> None:
    op.execute(
        "DROP TRIGGER words_of_a_new_product ON products;"
        "DROP TRIGGER words_of_a_change ON products;"
        "DROP FUNCTION keep_search_words;"
        "DROP TABLE search_words;"
        "DROP INDEX ix_products_off_sale;"
        "ALTER TABLE products DROP COLUMN search, DROP COLUMN name_key, DROP COLUMN in_stock;"
        "DROP INDEX ix_products_price_id, ix_products_category_id,"
        " ix_products_category_updated_at_id, ix_products_category_price_id;"
        "DROP FUNCTION in_words, folded, trigrams"
    )
