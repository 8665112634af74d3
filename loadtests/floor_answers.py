"""What the floor answers with: as long as what the shop answers in its place. Pure."""

TIMES = b'"created_at":"2026-01-01T00:00:00.000000Z","updated_at":"2026-01-01T00:00:00.000000Z"'
PRODUCT = (
    b'{"id":1001,"name":"bafuko dilemo nagisu rakova","price":2500,"image":"",'
    b'"description":"A bafukoti from our dilemo series.","sku":"S0001001",'
    b'"category":"category 12","stock":1000000,' + TIMES + b"}"
)
LINE = (
    b'{"id":33554433,"product":' + PRODUCT + b',"quantity":1,"total_price":2500,'
    b'"user":{"id":2,"username":"load-1001"},' + TIMES + b"}"
)
ORDER = (
    b'{"id":10001,"user":{"id":2,"username":"load-1001"},"delivery_address":"1 Orchard Lane",'
    b'"order_items":[' + b",".join([LINE] * 3) + b'],"total_price":7500,' + TIMES + b"}"
)
ANSWERS = {
    ("GET", "/product/"): PRODUCT,
    ("GET", "/page/"): b"[" + b",".join([PRODUCT] * 20) + b"]",
    ("GET", "/cart/"): b"[" + b",".join([LINE] * 20) + b"]",
    ("POST", "/order-item/"): LINE,
    ("POST", "/order/"): ORDER,
}
"""What is answered with, by method and path below `/floor`."""
