# A server that costs a megabyte instead of a Node's forty, so that a thousand of them fit: a shell without a single program started.
while IFS= read -r line; do
  case $line in
  *'"id":'*'"method":'* | *'"method":'*'"id":'*) ;;
  *) continue ;;
  esac
  id=${line#*'"id":'}
  id=${id%%[,\}]*}
  case $line in
  *'"method":"initialize"'*) result='{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"small","version":"1"}}' ;;
  *) result='{"content":[{"type":"text","text":"here"}]}' ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
