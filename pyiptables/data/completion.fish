# Completion of pyipt's commands for fish: source it, or put it as pyipt.fish into ~/.config/fish/completions.
function __pyipt_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r 'pyip[^/]*$' pyipt -- $words[1])
    $program complete $words "$current" 2>/dev/null | while read -l --delimiter \n line
        if string match -q \t'*' -- $line
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
for program in {programs}
    complete -c $program -f -k -a '(__pyipt_complete)'
end
