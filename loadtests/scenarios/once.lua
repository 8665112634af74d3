-- wrk script: each request of a thread's file once, each when the one before has its answer. As
-- many threads as connections, so that it is known which answer belongs to which request.
local common = dofile(os.getenv("PEARSHOP_LUA") .. "/common.lua")
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

local wishes, at, log, sent_at
function init()
  wishes, at, log = common.lines("in-" .. number), 1, common.log(number)
end

-- wrk asks for the first request once more than it sends it, and may ask for one after the last.
function request()
  local wish = wishes[at]
  if not wish then return wrk.format("GET", "/api/category/") end
  local method, path, token, key, body = wish:match("^(%S+) (%S+) (%S+) (%S+) ?(.*)$")
  local headers = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" }
  if key ~= "-" then headers["Idempotency-Key"] = key end
  sent_at = common.now()
  return wrk.format(method, path, headers, body ~= "" and body or nil)
end

-- Place, sent, answered, status, the first id, how many quantities, what the refusal is called.
function response(status, headers, body)
  if not wishes[at] then return end
  local _, quantities = body:gsub('"quantity":', "")
  log:write(string.format("%d %.3f %.3f %d %s %d %s\n", at, sent_at, common.now(), status,
    body:match('^%[?{"id":(%d+)') or "-", quantities, body:match('"code":"([%w_]+)"') or "-"))
  at = at + 1
  if not wishes[at] then
    log:write("END\n")
    log:close()
    wrk.thread:stop()
  end
end

function done(summary)
  common.report(summary)
end
