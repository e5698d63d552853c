local function enqueue(tag, kind, post, now, trace)
end
