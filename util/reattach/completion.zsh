#compdef fuse-reattach

_fuse_reattach_mountpoints() {
  local -a points
  points=(${(f)"$(awk '/ - fuse/ {print $5}' /proc/self/mountinfo)"})
  compadd -f -- ${(g::)points}
}

_fuse_reattach() {
  local -a commands
  commands=(
    'list:your mounts with reconnect'
    'status:state and figures of a mount'
    'inspect:requests in hand, open files and nodes'
    'upgrade:have another program take the place of the server'
    'stop:unmount; server and keeper end'
    'abort:end the connection'
    'metrics:figures of all your mounts for Prometheus'
  )
  _arguments -C '--dir[a runtime directory to look into]:directory:_directories' \
    '--help[usage]' '--version[version]' '1: :->command' '*:: :->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $words[1] in
        status) _arguments '--json[as a JSON object]' '1: :_fuse_reattach_mountpoints' ;;
        inspect) _arguments '--rows[how many files, locks and nodes]:number:' '1: :_fuse_reattach_mountpoints' ;;
        stop) _arguments '(-z --lazy)'{-z,--lazy}'[also while in use]' '1: :_fuse_reattach_mountpoints' ;;
        upgrade) _arguments '--start-within[until the new one must serve]:seconds:' '1: :_fuse_reattach_mountpoints' '*:: :_normal' ;;
        abort) _arguments '1: :_fuse_reattach_mountpoints' ;;
      esac
      ;;
  esac
}

_fuse_reattach "$@"
