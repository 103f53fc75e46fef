# bash completion of myturnd, myturn and myturn-gtk. Options, and which of them want a file or a folder, are what the program's own --help says.
# shellcheck shell=bash disable=SC2207

# _myturn_words OPTION: what may stand behind it, where that is one of a few words.
_myturn_words() {
    case $1 in
    --log-level) echo error warn info debug ;;
    --proxy-header) echo x-forwarded-for forwarded ;;
    --metrics) echo operator loopback open ;;
    --sip-server) echo embedded asterisk ;;
    --relay-only) echo auto yes no ;;
    --sandbox) echo try require off ;;
    --codec) echo opus pcm ;;
    --ptime) echo 10 20 ;;
    --policy) echo gcm cbc gcm,cbc ;;
    --transport) echo tcp udp ;;
    --device) echo client phone ;;
    --mic | --speaker) echo default none file: ;;
    esac
}

_myturn() {
    local word=$2 option=$3 help value
    [ "$word" != = ] || word=
    [ "$option" != = ] || option=${COMP_WORDS[COMP_CWORD - 2]} # --option=value comes as three words
    COMPREPLY=()
    help=$(LC_ALL=C LANGUAGE='' "$1" --help 2>/dev/null)
    value=$(sed -n "s/^ *\(-., \)\?${option}[ =]\([A-Z]\+\).*/\2/p" <<<"$help" 2>/dev/null)
    case $option:$value in
    ::* | *:FILE)
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$word"))
        ;;
    *:DIR)
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -d -- "$word"))
        ;;
    *:) COMPREPLY=($(compgen -W "$(sed -n 's/^ *\(-., \)\?--/--/p' <<<"$help" | grep -o '^--[a-z0-9-]*\(, --[a-z0-9-]*\)*' | tr -d ,)" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "$(_myturn_words "$option")" -- "$word")) ;;
    esac
    [[ ${COMPREPLY[*]} != *: ]] || compopt -o nospace 2>/dev/null
}
complete -F _myturn myturnd myturn myturn-gtk
