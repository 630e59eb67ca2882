# bash completion for fuse-reattach

# Mountpoints of FUSE filesystems, one a line. Reading /proc/self/mountinfo waits for no server.
_fuse_reattach_mountpoints() {
  local fields
  while read -r -a fields; do
    [[ " ${fields[*]} " == *" - fuse"* ]] && printf '%b\n' "${fields[4]}"
  done < /proc/self/mountinfo
}

_fuse_reattach() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command='' word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
      --dir) ((i++)) ;;
      -*) ;;
      *) command=$word; break ;;
    esac
  done
  if [[ $previous == --dir ]]; then
    compopt -o dirnames
    return
  fi
  if [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W 'list status inspect upgrade stop abort metrics --dir --help --version' \
      -- "$current")
    return
  fi
  if [[ $current == -* ]]; then
    local options='--help'
    case $command in
      status) options+=' --json' ;;
      inspect) options+=' --rows' ;;
      upgrade) options+=' --start-within' ;;
      stop) options+=' --lazy' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    return
  fi
  case $command in
    status|inspect|upgrade|stop|abort)
      compopt -o filenames
      while read -r word; do
        [[ $word == "$current"* ]] && COMPREPLY+=("$word")
      done < <(_fuse_reattach_mountpoints)
      ;;
  esac
} && complete -F _fuse_reattach fuse-reattach
