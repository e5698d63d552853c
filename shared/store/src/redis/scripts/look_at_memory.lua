-- Tells the memory of the server that holds a partition.
--
-- KEYS: any of the partition. Answers with what is used and with its bound, 0 for none.

local used, max = memory()
return { string.format('%.0f', used), string.format('%.0f', max) }
