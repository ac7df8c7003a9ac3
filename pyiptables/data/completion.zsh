#compdef {programs}
# Completion of pyipt's commands for zsh: source it, or put it as _pyipt into a folder of $fpath.
_pyipt() {
  local program=${words[1]%pyip*}pyipt line
  local -a found
  while IFS= read -r line; do
    if [[ $line == $'\t'* ]]; then
      _files
    else
      found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    fi
  done < <("$program" complete "${(@Q)words[1,CURRENT]}" 2>/dev/null)
  (( $#found )) && _describe pyipt found
}
if [[ $funcstack[1] == _pyipt ]]; then
  _pyipt "$@"
else
  compdef _pyipt {programs}
fi
