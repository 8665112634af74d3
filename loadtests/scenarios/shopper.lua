-- wrk script: shoppers who look, add, change and order, each answer checked against what the shop
-- acknowledged before. Requests have their times, whatever the answers take; whichever connection of
-- the thread is free sends the next. Answers name their request by `X-Request-ID`. Each thread acts
-- for shoppers of its own, and for each of them does one thing at a time.
--
-- The log of a thread has a line for each answer:
--   kind status due sent answered cache [what was acknowledged]
-- and before it, for each command, `> kind user`. `! kind text` is a wrong answer, `~ user` a
-- shopper whose cart is not known any more, because a command was refused. An answer that names no
-- request, as HAProxy's own do not, is of the kind `unknown`.
local common = dofile(os.getenv("PEARSHOP_LUA") .. "/common.lua")
local gap = tonumber(os.getenv("PEARSHOP_GAP_MS")) -- between two requests of one thread
local seconds = tonumber(os.getenv("PEARSHOP_SECONDS"))
local signed = os.getenv("PEARSHOP_SIGNED") == "1" -- the token goes with reads of the catalogue, too
local wary = tonumber(os.getenv("PEARSHOP_WARY")) -- share of orders that name the total they expect
local categories = tonumber(os.getenv("PEARSHOP_CATEGORIES"))
local PAGE = 20
local ORDERINGS = { "updated", "newest", "name", "price", "-price" }
local PIECES = { 1, 1, 1, 2, 3 }
local LINE = '{"id":(%d+),"product":{"id":(%d+),.-"price":(%d+),.-},"quantity":(%d+),'
  .. '"total_price":(%d+),"user":{"id":(%d+),'

local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

local products, shoppers, log = {}, {}, nil
local weights, sum = {}, 0
function init()
  math.randomseed(number)
  for _, line in ipairs(common.lines("products")) do
    local words = {}
    for word in line:gmatch("%S+") do words[#words + 1] = word end
    products[#products + 1] = { id = table.remove(words, 1), words = words }
  end
  for _, line in ipairs(common.lines("in-" .. number)) do
    local id, token, lines = line:match("^(%d+) (%S+) ?(%S*)$")
    local cart = {}
    for line_id, product, quantity, price in lines:gmatch("(%d+):(%d+):(%d+):(%d+)") do
      cart[line_id] = { product = product, quantity = tonumber(quantity), price = tonumber(price) }
    end
    shoppers[#shoppers + 1] = { id = id, token = token, cart = cart, last = "0" }
  end
  for kind, weight in os.getenv("PEARSHOP_WEIGHTS"):gmatch("(%w+):([%d.]+)") do
    sum = sum + tonumber(weight)
    weights[#weights + 1] = { kind = kind, upto = sum }
  end
  log = common.log(number)
end

local function one_of(list) return list[math.random(#list)] end

-- Zipf: the n-th in rank is wanted 1/n as often as the first.
local function rank(count) return math.floor(math.exp(math.random() * math.log(count + 1))) end
local function popular() return products[math.min(#products, rank(#products))] end

local function any_line(cart)
  local ids = {}
  for id in pairs(cart) do ids[#ids + 1] = id end
  if #ids > 0 then return one_of(ids) end
end

-- How often a body has these very characters; `gsub` would copy it.
local function count(body, characters)
  local found, at = 0, 1
  while true do
    local _, last = body:find(characters, at, true)
    if not last then return found end
    found, at = found + 1, last + 1
  end
end

local function page(path, least, category)
  return { path = path, check = function(body)
    local found = count(body, 'updated_at":')
    local fitting = count(body, category and ('category":"' .. category .. '",') or 'sku":')
    local is_list = body:sub(1, 1) == "[" and body:sub(-1) == "]"
    if not is_list or found < least or found > PAGE or fitting ~= found then
      return "", found .. " products, of which " .. fitting .. " fit: " .. path
    end
  end }
end

-- Note a line as acknowledged.
local function line_of(shopper, body, product, quantity, wanted)
  local id, of, price, pieces, total, user = body:match("^" .. LINE)
  if of ~= product or pieces ~= tostring(quantity) or user ~= shopper.id
    or (wanted and id ~= wanted) or tonumber(total) ~= tonumber(price) * quantity then
    return "", "not " .. product .. " x " .. quantity .. ": " .. body:sub(1, 300)
  end
  shopper.cart[id] = { product = product, quantity = quantity, price = tonumber(price) }
  return string.format("%s %s %s %d", shopper.id, id, product, quantity)
end

local function quantity_of(cart, product)
  for _, line in pairs(cart) do
    if line.product == product then return line.quantity end
  end
  return 0
end

local function same_lines(cart, body)
  local count, sum_of_lines, sold = 0, 0, {}
  for id, product, price, quantity, total in body:gmatch(LINE) do
    local known = cart[id]
    if not known or known.product ~= product or known.quantity ~= tonumber(quantity)
      or tonumber(total) ~= tonumber(price) * tonumber(quantity) then
      return nil
    end
    count, sum_of_lines = count + 1, sum_of_lines + tonumber(total)
    sold[#sold + 1] = table.concat({ id, product, quantity, price }, ":")
  end
  for _ in pairs(cart) do count = count - 1 end
  return count == 0, sum_of_lines, table.concat(sold, ",")
end

local acts = {}

function acts.first() return page("/api/product/?limit=" .. PAGE, PAGE) end

function acts.browse()
  return page("/api/product/?limit=" .. PAGE .. "&ordering=" .. one_of(ORDERINGS), PAGE)
end

function acts.category()
  local name = "category " .. rank(categories) - 1
  return page("/api/product/?limit=" .. PAGE .. "&category=" .. name:gsub(" ", "%%20"), 1, name)
end

function acts.search()
  return page("/api/product/?limit=" .. PAGE .. "&search=" .. one_of(popular().words), 1)
end

function acts.view()
  local id = popular().id
  return { path = "/api/product/" .. id .. "/", check = function(body)
    local _, last = body:find('"price":', 1, true)
    local price = last and body:match("^(%d+),", last + 1)
    if not price or body:find('{"id":' .. id .. ",", 1, true) ~= 1 then
      return "", "not product " .. id .. ": " .. body:sub(1, 100)
    end
    return id .. " " .. price
  end }
end

function acts.add(shopper)
  local product, pieces = popular().id, one_of(PIECES)
  local quantity = quantity_of(shopper.cart, product) + pieces
  return { method = "POST", path = "/api/order-item/", status = 201,
    body = string.format('{"product_id":%s,"quantity":%d}', product, pieces),
    check = function(body) return line_of(shopper, body, product, quantity) end }
end

function acts.change(shopper)
  local id = any_line(shopper.cart)
  if not id then return nil end
  if math.random() < 0.3 then
    return { kind = "remove", method = "DELETE", path = "/api/order-item/" .. id .. "/",
      status = 204, check = function()
        shopper.cart[id] = nil
        return shopper.id .. " " .. id
      end }
  end
  local quantity, product = math.random(5), shopper.cart[id].product
  return { method = "PATCH", path = "/api/order-item/" .. id .. "/",
    body = string.format('{"quantity":%d}', quantity),
    check = function(body) return line_of(shopper, body, product, quantity, id) end }
end

function acts.cart(shopper)
  return { path = "/api/order-item/", signed = true, check = function(body)
    if not same_lines(shopper.cart, body) then
      return "", "another cart than acknowledged: " .. body:sub(1, 300)
    end
  end }
end

function acts.order(shopper)
  local ids, total, shown = {}, 0, {}
  for id, line in pairs(shopper.cart) do
    ids[#ids + 1], total = id, total + line.quantity * line.price
    shown[#shown + 1] = table.concat({ id, line.product, line.quantity, line.price }, ":")
  end
  if #ids == 0 then return nil end
  local expects = not shopper.told and math.random() < wary
  return { method = "POST", path = "/api/order/", status = 201,
    refused = expects and "price_changed",
    body = string.format('{"delivery_address":"%s, 1 Orchard Lane","order_item_ids":[%s]%s}',
      shopper.id, table.concat(ids, ","), expects and ',"expected_total_price":' .. total or ""),
    check = function(body, status)
      if status == 409 then
        shopper.told = true -- next time it is ordered at whatever it costs by then
        return string.format("%s - %d %s", shopper.id, total, table.concat(shown, ","))
      end
      local id, user = body:match('^{"id":(%d+),"user":{"id":(%d+),')
      local charged = tonumber(body:match('%],"total_price":(%d+),'))
      local same, of_lines, sold = same_lines(shopper.cart, body)
      if not same or user ~= shopper.id or of_lines ~= charged then
        return "", "not what was ordered: " .. body:sub(1, 300)
      end
      if expects and charged ~= total then return "", charged .. " charged, not " .. total end
      shopper.cart, shopper.last, shopper.told = {}, id, false
      return string.format("%s %s %d %s", shopper.id, id, charged, sold)
    end }
end

function acts.history(shopper)
  return { path = "/api/order/?limit=10", signed = true, check = function(body)
    local newest = body:match('^%[{"id":(%d+),') or (body == "[]" and "0")
    if newest ~= shopper.last then
      return "", "the newest order is " .. tostring(newest) .. ", not " .. shopper.last
    end
  end }
end

local function draw()
  while true do
    local at, shopper = math.random() * sum, one_of(shoppers)
    for _, each in ipairs(weights) do
      if at < each.upto then
        local act = acts[each.kind](shopper)
        if act and not ((shopper.busy or shopper.lost) and (act.method or act.signed)) then
          act.kind, act.shopper = act.kind or each.kind, shopper
          return act
        end
        break -- an empty cart, or one that changes just now: something else, then
      end
    end
  end
end

local function forget(shopper)
  log:write("~ ", shopper.id, "\n")
  for at, each in ipairs(shoppers) do
    if each == shopper and #shoppers > 1 then return table.remove(shoppers, at) end
  end
  shopper.cart, shopper.lost = {}, true
end

local NEVER = 1e9
local next_due, finish = nil, nil
local dues, first_due, last_due = {}, 1, 0 -- of connections that wait to send

-- wrk asks this for each connection that is free.
function delay()
  local now = common.now()
  next_due = next_due or now + math.random() * gap
  finish = finish or next_due + seconds * 1e3
  if next_due >= finish then return NEVER end
  last_due = last_due + 1
  dues[last_due] = next_due
  next_due = next_due + gap
  return math.max(0, dues[last_due] - now)
end

local sent, open, asked = {}, 0, 0

-- wrk asks for the first request of its first thread once before it begins.
function request()
  if not next_due then return wrk.format("GET", "/api/category/") end
  local act, now = draw(), common.now()
  act.sent, act.due = now, now
  if first_due <= last_due then -- a lost connection sends again at once
    act.due = math.min(dues[first_due], now)
    dues[first_due] = nil
    first_due = first_due + 1
  end
  asked, open = asked + 1, open + 1
  local id = number .. "-" .. asked
  sent[id] = act
  local headers = { ["X-Request-ID"] = id }
  if signed or act.signed or act.method then
    headers["Authorization"] = "Bearer " .. act.shopper.token
  end
  act.shopper.busy = act.shopper.busy or act.signed or act.method
  if act.method then
    headers["Content-Type"] = "application/json"
    headers["Idempotency-Key"] = id
    log:write("> ", act.kind, " ", act.shopper.id, "\n")
  end
  return wrk.format(act.method or "GET", act.path, headers, act.body)
end

local function note(kind, status, due, sent_at, answered, cache, told)
  log:write(string.format("%s %d %.2f %.2f %.2f %s %s\n", kind, status, due, sent_at, answered,
    cache or "-", told or ""))
end

function response(status, headers, body)
  local answered = common.now()
  local id = headers["X-Request-ID"] or headers["x-request-id"] or ""
  local it = sent[id]
  if not it then return note("unknown", status, answered, answered, answered) end
  sent[id], open = nil, open - 1
  local told, wrong = nil, nil
  if status == (it.status or 200)
    or (it.refused and status == 409 and body:find('"code":"' .. it.refused .. '"', 1, true)) then
    told, wrong = it.check(body, status)
  elseif status ~= 503 and status ~= 429 then
    wrong = status .. " " .. body:sub(1, 300)
  end
  note(it.kind, status, it.due, it.sent, answered, headers["X-Cache"], told)
  if wrong then log:write("! ", it.kind, " ", (wrong:gsub("%s", " ")), "\n") end
  if it.signed or it.method then it.shopper.busy = nil end
  if it.method and (wrong or told == nil) then forget(it.shopper) end
  if next_due >= finish and first_due > last_due and open == 0 then
    log:write("END\n")
    log:close()
    wrk.thread:stop()
  end
end

function done(summary)
  common.report(summary)
end
