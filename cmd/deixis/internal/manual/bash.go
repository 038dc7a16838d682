package manual

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// Bash is a script for bash-completion. It finds the command that the words before the
// cursor have named, and offers its flags, the values of a flag or what is below it;
// where it knows nothing, readline offers files.
func Bash(app *kong.Application) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# bash completion of %[1]s, made from its flags
_%[1]s() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at= i
	COMPREPLY=()
	# "--flag=value" comes as three words
	if [[ $cur == = ]]; then cur=
	elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		%[2]s) ((i++)); [[ ${COMP_WORDS[i]} != = ]] || ((i++)); continue ;;
		esac
		case "${at:+$at }${COMP_WORDS[i]}" in
		%[3]s) at="${at:+$at }${COMP_WORDS[i]}" ;;
		esac
	done
	case "$prev" in
`, app.Name, strings.Join(valueFlags(app.Node), "|"), quotedAll(paths(app), "|"))
	for _, f := range distinctFlags(app) {
		names := strings.Join(spellings(f), "|")
		switch kind(f) {
		case oneOf:
			fmt.Fprintf(&b, "\t%s) COMPREPLY=($(compgen -W %q -- \"$cur\")); return ;;\n", names, strings.Join(f.EnumSlice(), " "))
		case aFolder:
			fmt.Fprintf(&b, "\t%s) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- \"$cur\")); return ;;\n", names)
		case aFile:
			fmt.Fprintf(&b, "\t%s) return ;;\n", names)
		}
	}
	b.WriteString("\tesac\n\tcase \"$at\" in\n")
	for _, c := range append([]command{{Node: app.Node}}, commands(app.Node, "")...) {
		var all, below []string
		for _, f := range allFlags(c.Node) {
			all = append(all, spellings(f)...)
		}
		for _, n := range children(c.Node) {
			below = append(below, n.Name)
		}
		fmt.Fprintf(&b, "\t%q)\n\t\tif [[ $cur == -* ]]; then COMPREPLY=($(compgen -W %q -- \"$cur\"))\n", c.path, strings.Join(all, " "))
		if len(below) > 0 {
			fmt.Fprintf(&b, "\t\telse COMPREPLY=($(compgen -W %q -- \"$cur\"))\n", strings.Join(below, " "))
		}
		b.WriteString("\t\tfi ;;\n")
	}
	fmt.Fprintf(&b, "\tesac\n}\ncomplete -o default -F _%[1]s %[1]s\n", app.Name)
	return b.String()
}

// distinctFlags are all flags that take a value, one of each name and kind.
func distinctFlags(app *kong.Application) []*kong.Flag {
	var all []*kong.Flag
	seen := map[string]bool{}
	for _, c := range append([]command{{Node: app.Node}}, commands(app.Node, "")...) {
		for _, f := range flags(c.Node) {
			if takesValue(f) && !seen[f.Name] {
				seen[f.Name] = true
				all = append(all, f)
			}
		}
	}
	return all
}

// quotedAll are texts in double quotes with sep between them.
func quotedAll(texts []string, sep string) string {
	var all []string
	for _, t := range texts {
		all = append(all, fmt.Sprintf("%q", t))
	}
	return strings.Join(all, sep)
}
