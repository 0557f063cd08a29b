-- For wrk: posts the prepared requests of a file, each once, and counts the answers. Says "ready" once its connections
-- are made, and begins when a second file exists.
-- wrk ... -s post.lua URL -- REQUESTS GO CONNECTIONS

local ffi = require("ffi")
ffi.cdef("int usleep(unsigned int)")

local CONNECT_MILLISECONDS = 300
local POLL_MICROSECONDS = 1000
local FOR_EVER_MILLISECONDS = 600000

local requests, promised, sent, answered, created = {}, 0, 0, 0, 0
local go, connections, started = nil, 0, false

function init(arguments)
  go, connections = arguments[2], tonumber(arguments[3])
  local file = assert(io.open(arguments[1], "rb"))
  while true do
    local head = file:read(4)
    if not head then break end
    local a, b, c, d = head:byte(1, 4)
    requests[#requests + 1] = file:read(((a * 256 + b) * 256 + c) * 256 + d)
  end
  file:close()
end

-- How long a connection waits before it sends: at first until all are made, at the end, with nothing left, for ever.
function delay()
  if promised == #requests then return FOR_EVER_MILLISECONDS end
  promised = promised + 1
  return promised <= connections and CONNECT_MILLISECONDS or 0
end

local function wait_for_go()
  say("ready")
  local file = io.open(go, "rb")
  while not file do
    ffi.C.usleep(POLL_MICROSECONDS)
    file = io.open(go, "rb")
  end
  file:close()
  started = true
end

-- wrk asks once before it connects, only to look at what it gets: that one is not counted.
local looked = false
function request()
  if not looked then
    looked = true
    return requests[1]
  end
  if not started then wait_for_go() end
  sent = sent + 1
  return requests[sent]
end

function response(status)
  answered = answered + 1
  if status == 201 then created = created + 1 end
  if answered == #requests then say("answered " .. answered .. " created " .. created) end
end

function say(words)
  io.stdout:write(words, "\n")
  io.stdout:flush()
end
