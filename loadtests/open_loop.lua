-- wrk script: offer adds at a rate that does not depend on the answers. With as many threads as
-- connections it times them too: only then does a script know to which request an answer belongs.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } instant_t;
  int clock_gettime(int clock, instant_t *instant);
]]
local MONOTONIC = 1
local instant = ffi.new("instant_t")
local function now() -- in ms
  ffi.C.clock_gettime(MONOTONIC, instant)
  return tonumber(instant.seconds) * 1e3 + tonumber(instant.nanoseconds) / 1e6
end

local path = os.getenv("PEARSHOP_PATH")
local gap = tonumber(os.getenv("PEARSHOP_GAP_MS")) -- between two requests of one thread
local share = tonumber(os.getenv("PEARSHOP_SHARE")) -- of tokens, for each thread
local timed = os.getenv("PEARSHOP_TIMED") == "1"
local products, tokens = {}, {}
for id in os.getenv("PEARSHOP_PRODUCTS"):gmatch("%d+") do products[#products + 1] = id end

-- The main script hands out the tokens and remembers the threads for the end.
local threads, lines = {}, nil
function setup(thread)
  lines = lines or io.lines(os.getenv("PEARSHOP_TOKENS"))
  local mine = {}
  for _ = 1, share do mine[#mine + 1] = lines() end
  threads[#threads + 1] = thread
  thread:set("mine", table.concat(mine, " "))
  thread:set("seed", #threads)
  thread:set("sent", 0)
  thread:set("unadvised", 0)
  thread:set("times", "")
end

function init()
  math.randomseed(seed)
  for token in mine:gmatch("%S+") do tokens[#tokens + 1] = token end
end

-- Each request has its time. If no connection was free then, it goes out as soon as one is.
local due, sent_at
function delay()
  local time = now()
  due = due and due + gap or time + math.random() * gap
  return math.max(0, due - time)
end

function request()
  sent, sent_at = sent + 1, now()
  local headers = {
    ["Authorization"] = "Bearer " .. tokens[math.random(#tokens)],
    ["Content-Type"] = "application/json",
  }
  local body = string.format('{"product_id":%s,"quantity":1}', products[math.random(#products)])
  return wrk.format("POST", path, headers, body)
end

local function has_advice(headers)
  for name in pairs(headers) do
    if name:lower() == "retry-after" then return true end
  end
  return false
end

function response(status, headers)
  local count = "status" .. status
  _G[count] = (_G[count] or 0) + 1
  if status == 503 and not has_advice(headers) then unadvised = unadvised + 1 end
  if timed then times = times .. string.format(" %d:%.2f", status, now() - sent_at) end
end

function done(summary)
  local all, silent = 0, 0
  for _, thread in ipairs(threads) do
    all, silent = all + thread:get("sent"), silent + thread:get("unadvised")
    io.write("TIMES", thread:get("times"), "\n")
  end
  for status = 100, 599 do
    local count = 0
    for _, thread in ipairs(threads) do count = count + (thread:get("status" .. status) or 0) end
    if count > 0 then io.write(string.format("STATUS %d %d\n", status, count)) end
  end
  local errors = summary.errors
  io.write(string.format("OFFERED %d %d %d %d\n", all, summary.duration,
    errors.connect + errors.read + errors.write, silent))
end
