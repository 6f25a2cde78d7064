-- Removes the marks of condemned leases, and nothing else. KEYS: heard. ARGV: ids.
local scores = redis.call('ZMSCORE', KEYS[1], unpack(ARGV))
local marks = {}
for i = 1, #ARGV do
  local score = tonumber(scores[i])
  if score and score < 0 then marks[#marks + 1] = ARGV[i] end
end
if #marks > 0 then redis.call('ZREM', KEYS[1], unpack(marks)) end
return #marks
