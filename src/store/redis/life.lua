-- Since when the proxies know this life of the server. No rules live here.
-- KEYS[1]  "<life>|<since, ms>"
-- ARGV[1]  the life that answers now, "" if it does not tell    ARGV[2]  the time, ms
local life, since = string.match(redis.call('GET', KEYS[1]) or '', '^([^|]*)|(%d+)$')
if ARGV[1] == '' then
  return 0
end
if life == ARGV[1] then
  return tonumber(since)
end
redis.call('SET', KEYS[1], ARGV[1] .. '|' .. ARGV[2])
return tonumber(ARGV[2])
