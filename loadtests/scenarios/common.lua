-- What the scripts share: a clock in ms that is Python's time.monotonic(), and each thread's files.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } instant_t;
  int clock_gettime(int clock, instant_t *instant);
]]
local MONOTONIC = 1
local instant = ffi.new("instant_t")
local folder = os.getenv("PEARSHOP_FOLDER")
local common = {}

function common.now()
  ffi.C.clock_gettime(MONOTONIC, instant)
  return tonumber(instant.seconds) * 1e3 + tonumber(instant.nanoseconds) / 1e6
end

function common.lines(name)
  local found = {}
  for line in io.lines(folder .. "/" .. name) do found[#found + 1] = line end
  return found
end

function common.log(number)
  return io.open(folder .. "/out-" .. number, "w")
end

function common.report(summary)
  local errors = summary.errors
  io.write(string.format("ERRORS %d\n", errors.connect + errors.read + errors.write))
end

return common
