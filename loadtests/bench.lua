-- wrk script: send the requests of a file. A line is one: method, path, token, body; tabs between.
-- They are drawn at random, the same for the same seed; with PEARSHOP_ONCE each is sent once, and
-- the run is over when they are used up. For one thread.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } instant_t;
  int clock_gettime(int clock, instant_t *instant);
]]
local MONOTONIC = 1
local instant = ffi.new("instant_t")
local function now() -- in µs
  ffi.C.clock_gettime(MONOTONIC, instant)
  return tonumber(instant.seconds) * 1e6 + tonumber(instant.nanoseconds) / 1e3
end

local once = os.getenv("PEARSHOP_ONCE") == "1"
local ready, sent, began = {}, 0, nil

local worker
function setup(thread)
  worker = thread
  thread:set("used_up_after", 0)
end

function init()
  math.randomseed(tonumber(os.getenv("PEARSHOP_SEED")))
  for line in io.lines(os.getenv("PEARSHOP_REQUESTS")) do
    local method, path, token, body = line:match("^(%S+)\t(%S+)\t(%S*)\t(.*)$")
    local headers = {}
    if token ~= "" then headers["Authorization"] = "Bearer " .. token end
    if body ~= "" then headers["Content-Type"] = "application/json" end
    ready[#ready + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
  end
end

function request()
  if not once then return ready[math.random(#ready)] end
  -- The first is only looked at by wrk, which sends none of it.
  began = sent > 0 and (began or now()) or nil
  sent = sent + 1
  if sent <= #ready then return ready[sent] end
  if used_up_after == 0 then used_up_after = now() - began end
  wrk.thread:stop()
  return wrk.format("GET", "/")
end

function done(summary, latency)
  local errors, used_up = summary.errors, worker:get("used_up_after")
  local duration = used_up > 0 and math.min(used_up, summary.duration) or summary.duration
  io.write(string.format("RESULT %d %d %d %d %.3f %.3f %d\n",
    summary.requests, duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.bytes))
end
