-- A shop of the first release (revision 0001) after some days: rows as its code wrote them.

INSERT INTO shop (currency, currency_exponent) VALUES ('GBP', 2);
INSERT INTO placement (epoch, hosts) VALUES (3, 2);

INSERT INTO users (username, username_key, password_hash, is_staff, created_at)
SELECT 'Shopper ' || n, 'shopper ' || n, '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$' || md5(n::text),
       n % 100 = 1, timestamptz '2026-01-01' + n * interval '1 minute'
FROM generate_series(1, 2000) AS n;

INSERT INTO sessions (user_id, created_at, expires_at, revoked_at)
SELECT 1 + n % 2000, at, at + interval '7 days', CASE WHEN n % 9 = 0 THEN at + interval '1 day' END
FROM generate_series(1, 4000) AS n, LATERAL (SELECT timestamptz '2026-01-05' + n * interval '1 minute' AS at);

INSERT INTO products (sku, name, price, description, category, stock, hidden, created_at, updated_at)
SELECT CASE WHEN n % 4 > 0 THEN 'SKU-' || n END,
       (ARRAY['Crème brûlée', 'Ὀδυσσεύς', 'Pear', 'T-shirt “Größe L”', '茶碗', 'Ceramic Mug'])[1 + n % 6] || ' ' || n,
       100 + n * 7 % 5000, CASE WHEN n % 2 = 0 THEN 'Made for every day, in ' || n || ' ways.' ELSE '' END,
       (ARRAY['', 'Kitchen', 'Garden'])[1 + n % 3], CASE WHEN n % 3 > 0 THEN 1000000 END, n % 50 = 0,
       timestamptz '2026-01-01', timestamptz '2026-01-01' + n * interval '1 second'
FROM generate_series(1, 600) AS n;

INSERT INTO carts (user_id, version, next_number, lines, updated_at)
SELECT n, 5, 4, CASE WHEN n % 5 = 0 THEN '[]' ELSE jsonb_build_array(
           jsonb_build_array(2, 1 + n % 600, 1 + n % 4, 1767600000000000, 1767600000000000 + n),
           jsonb_build_array(3, 1 + (n + 7) % 600, 2, 1767600000000001, 1767600000000001)) END,
       timestamptz '2026-01-06' + n * interval '1 second'
FROM generate_series(1, 1500) AS n;

INSERT INTO cart_commands (user_id, key, fingerprint, line, created_at)
SELECT n, decode(md5('command ' || n), 'hex'), decode(md5('body ' || n), 'hex'),
       CASE WHEN n % 5 > 0 THEN jsonb_build_array(2, 1 + n % 600, 1 + n % 4, 1767600000000000, 1767600000000000) END,
       timestamptz '2026-01-06' + n * interval '1 second'
FROM generate_series(1, 1500) AS n;

INSERT INTO orders (user_id, delivery_address, total_price, key, fingerprint, created_at, updated_at)
SELECT 1 + n % 1500, n || ' Orchard Lane, Ōsaka', 2 * (300 + n % 11), decode(md5('order ' || n), 'hex'),
       decode(md5('wish ' || n), 'hex'), at, at
FROM generate_series(1, 3000) AS n, LATERAL (SELECT timestamptz '2026-01-07' + n * interval '1 minute' AS at);

INSERT INTO order_lines (id, order_id, product_id, quantity, price, product_name, created_at, updated_at)
SELECT o.user_id * 16777216 + 1000000 + o.id, o.id, 1 + o.id % 600, 2, o.total_price / 2, 'Pear ' || o.id, o.created_at, o.created_at
FROM orders o;

INSERT INTO outbox (topic, subject_id, payload, created_at, sent_at)
SELECT 'order.placed', o.id, jsonb_build_object('order_id', o.id, 'user_id', o.user_id,
       'total_price', o.total_price, 'lines', jsonb_build_array(jsonb_build_array(l.id, l.product_id, l.quantity, l.price))),
       o.created_at, CASE WHEN o.id <= 2900 THEN o.created_at END
FROM orders o JOIN order_lines l ON l.order_id = o.id ORDER BY o.id;

ANALYZE;
