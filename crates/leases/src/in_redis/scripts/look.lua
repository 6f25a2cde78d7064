-- Says how this server stands. KEYS: heard, generation. ARGV: the time, a new generation in case one must begin,
-- after how many seconds a lease is swept, how many at most, and with what this run of the server begins its
-- generations: one that begins otherwise comes from a snapshot, and so do the leases.
-- A new generation begins with no leases: what is known of any then may be older than what the store decided since.
-- Answers the generation and the server's time.
local generation = redis.call('GET', KEYS[2])
local looked = tonumber(redis.call('ZSCORE', KEYS[1], 'generation'))
if not generation or string.sub(generation, 1, #ARGV[5]) ~= ARGV[5] or not looked or set_back(looked) then
  generation = ARGV[2]
  looked = 0
  redis.call('UNLINK', KEYS[1])
  redis.call('SET', KEYS[2], generation)
end
redis.call('ZADD', KEYS[1], math.max(looked, math.floor(own_time() * SPAN)), 'generation')
local oldest = math.floor(time(ARGV[1]) - tonumber(ARGV[3]))
if oldest > 0 then
  local score = oldest * SPAN
  local old = redis.call('ZRANGE', KEYS[1], -score, score, 'BYSCORE', 'LIMIT', 0, ARGV[4])
  if #old > 0 then redis.call('ZREM', KEYS[1], unpack(old)) end
end
local now = redis.call('TIME')
return { generation, now[1], now[2] }
