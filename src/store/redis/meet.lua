-- Who has an object open, by proxy: says who is on this one, and gives everybody. No rules live here.
-- KEYS[1]  a hash: proxy -> "<until, ms>|<json>"
-- ARGV[1]  this proxy    ARGV[2]  its people as JSON; "" for nobody
-- ARGV[3]  how long that holds, ms    ARGV[4]  the time, ms; "0" for Redis's own
-- ARGV[5]  channel    ARGV[6]  notice for the other proxies, told if something changed
local now = tonumber(ARGV[4])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local before = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local said = string.match(before, '^%d+|(.*)$') or ''
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now + ARGV[3]) .. '|' .. ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
if said ~= ARGV[2] then
  redis.call('PUBLISH', ARGV[5], ARGV[6])
end
local found = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local ends, people = string.match(all[i + 1], '^(%d+)|(.*)$')
  if tonumber(ends) > now then
    found[#found + 1] = people
  else
    -- A proxy that died without a word.
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return found
