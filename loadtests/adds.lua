-- wrk script: POST one add after another, each for a shopper and a product drawn at random.
local tokens = {}
for token in io.lines(os.getenv("PEARSHOP_TOKENS")) do tokens[#tokens + 1] = token end
local path = os.getenv("PEARSHOP_PATH")
local products = {}
for id in os.getenv("PEARSHOP_PRODUCTS"):gmatch("%d+") do products[#products + 1] = id end
math.randomseed(os.time())

request = function()
  local headers = {
    ["Authorization"] = "Bearer " .. tokens[math.random(#tokens)],
    ["Content-Type"] = "application/json",
  }
  local body = string.format('{"product_id":%s,"quantity":1}', products[math.random(#products)])
  return wrk.format("POST", path, headers, body)
end

done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %.1f %.1f\n",
    summary.requests, summary.duration,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
