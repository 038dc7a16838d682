package manual

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// Zsh is a function for zsh's completion system, by its _arguments and _describe.
func Zsh(app *kong.Application) string {
	var b strings.Builder
	fmt.Fprintf(&b, `#compdef %[1]s
# zsh completion of %[1]s, made from its flags
_%[1]s() {
	local at= i n=1
	local -a below
	for ((i = 2; i < CURRENT; i++)); do
		case $words[i] in
		%[2]s) ((i++)); continue ;;
		esac
		case "${at:+$at }$words[i]" in
		%[3]s) at="${at:+$at }$words[i]"; n=$i ;;
		esac
	done
	words=("$words[n]" "${(@)words[n+1,-1]}")
	((CURRENT -= n - 1))
	case $at in
`, app.Name, strings.Join(valueFlags(app.Node), "|"), quotedAll(paths(app), "|"))
	for _, c := range append([]command{{Node: app.Node}}, commands(app.Node, "")...) {
		fmt.Fprintf(&b, "\t%q)\n", c.path)
		if below := children(c.Node); len(below) > 0 {
			b.WriteString("\t\tif [[ $words[CURRENT] != -* ]]; then\n\t\t\tbelow=(")
			for i, n := range below {
				if i > 0 {
					b.WriteByte(' ')
				}
				b.WriteString(zshQuoted(n.Name + ":" + n.Help))
			}
			b.WriteString(")\n\t\t\t_describe command below\n\t\t\treturn\n\t\tfi\n")
		}
		b.WriteString("\t\t_arguments -s")
		for _, f := range allFlags(c.Node) {
			for _, spec := range zshSpecs(f) {
				b.WriteString(" \\\n\t\t\t" + zshQuoted(spec))
			}
		}
		if len(c.Positional) > 0 {
			b.WriteString(" \\\n\t\t\t'*:file:_files'")
		}
		b.WriteString(" ;;\n")
	}
	fmt.Fprintf(&b, "\tesac\n}\n_%[1]s \"$@\"\n", app.Name)
	return b.String()
}

// zshSpecs are the specifications of f for _arguments.
func zshSpecs(f *kong.Flag) []string {
	help := "[" + strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`, "\n", " ").Replace(f.Help) + "]"
	value := ""
	if takesValue(f) {
		name := strings.NewReplacer(":", `\:`).Replace(f.FormatPlaceHolder())
		value = "=" + help + ":" + name + ":"
		switch kind(f) {
		case oneOf:
			value += "(" + strings.Join(f.EnumSlice(), " ") + ")"
		case aFolder:
			value += "_files -/"
		case aFile:
			value += "_files"
		}
	} else {
		value = help
	}
	again := ""
	if f.IsCumulative() {
		again = "*"
	}
	var all []string
	for _, name := range spellings(f) {
		if len(name) == 2 && takesValue(f) {
			all = append(all, again+name+"+"+strings.TrimPrefix(value, "="))
			continue
		}
		all = append(all, again+name+value)
	}
	return all
}

// zshQuoted is s as one word of a shell.
func zshQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
