package manual

import (
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Pages are the man pages by file name, in troff's man macros (man(7)): one of the
// program and one of each subcommand, which has those below it too.
func Pages(app *kong.Application, about About) map[string]string {
	pages := map[string]string{app.Name + ".1": programPage(app, about)}
	for _, c := range children(app.Node) {
		pages[app.Name+"-"+c.Name+".1"] = commandPage(app, c, about)
	}
	return pages
}

// A page is a man page that is being written.
type page struct{ strings.Builder }

// request writes a line of troff with quoted arguments.
func (p *page) request(name string, args ...string) {
	p.WriteString("." + name)
	for _, a := range args {
		p.WriteString(` "` + strings.ReplaceAll(escaped(a), `"`, `\(dq`) + `"`)
	}
	p.WriteByte('\n')
}

// text writes text of its own line, which is none of troff's.
func (p *page) text(s string) {
	for line := range strings.SplitSeq(s, "\n") {
		line = escaped(strings.TrimSpace(line))
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			line = `\&` + line
		}
		p.WriteString(line + "\n")
	}
}

// escaped keeps troff from reading signs of s as its own; a minus sign stays one.
func escaped(s string) string { return strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s) }

// entry writes a term in bold with what follows it, and what it means.
func (p *page) entry(term, rest, means string) {
	p.request("TP")
	p.WriteString(`\fB` + escaped(term) + `\fR` + escaped(rest) + "\n")
	p.text(means)
}

func (p *page) head(app *kong.Application, name, help string, about About) {
	p.WriteString(".\\\" made from the program's flags\n")
	fmt.Fprintf(p, ".TH %q 1 %q %q %q\n", strings.ToUpper(name), about.Date.UTC().Format(time.DateOnly), app.Name+" "+about.Version, "User Commands")
	p.request("SH", "NAME")
	p.text(name + " - " + strings.TrimSuffix(strings.SplitN(help, "\n", 2)[0], "."))
}

func (p *page) seeAlso(names ...string) {
	p.request("SH", "SEE ALSO")
	for i, name := range names {
		comma := ","
		if i == len(names)-1 {
			comma = ""
		}
		p.request("BR", name, "(1)"+comma)
	}
}

func programPage(app *kong.Application, about About) string {
	p := &page{}
	p.head(app, app.Name, app.Help, about)
	p.request("SH", "SYNOPSIS")
	p.WriteString(`\fB` + escaped(app.Name) + `\fR COMMAND [options]` + "\n")
	p.request("SH", "DESCRIPTION")
	p.text(app.Help)
	p.request("SH", "COMMANDS")
	var also []string
	for _, c := range children(app.Node) {
		p.entry(c.Name, "", c.Help)
		also = append(also, app.Name+"-"+c.Name)
	}
	p.request("SH", "OPTIONS")
	p.text("They go with every command.")
	for _, f := range flags(app.Node) {
		p.flag(f)
	}
	p.request("SH", "ENVIRONMENT")
	p.text("Every option is a variable, too, whose name stands with it. The command line wins over a variable, a variable over the file of --config.")
	p.request("SH", "EXIT STATUS")
	for code, means := range about.Exits {
		p.entry(fmt.Sprint(code), "", means)
	}
	p.request("SH", "FILES")
	for _, f := range about.Files {
		p.entry(f[0], "", f[1])
	}
	p.seeAlso(also...)
	return p.String()
}

func commandPage(app *kong.Application, node *kong.Node, about About) string {
	p := &page{}
	p.head(app, app.Name+"-"+node.Name, node.Help, about)
	p.request("SH", "SYNOPSIS")
	leaves := []command{{node, node.Name}}
	if below := commands(node, node.Name); len(below) > 0 {
		leaves = below
	}
	for i, c := range leaves {
		if i > 0 {
			p.request("br")
		}
		p.WriteString(`\fB` + escaped(app.Name+" "+c.path) + `\fR ` + escaped(strings.Join(append([]string{"[options]"}, args(c.Node)...), " ")) + "\n")
	}
	p.request("SH", "DESCRIPTION")
	p.text(node.Help)
	p.values(node, "OPTIONS", "SH")
	if len(leaves) > 1 || leaves[0].Node != node {
		p.request("SH", "COMMANDS")
		for _, c := range leaves {
			p.request("SS", c.path)
			p.text(c.Help)
			p.values(c.Node, "", "")
		}
	}
	p.request("PP")
	p.text("Options that go with every command are in " + app.Name + "(1).")
	p.seeAlso(app.Name)
	return p.String()
}

// values writes the arguments and flags of node, below a heading where one is given.
func (p *page) values(node *kong.Node, heading, level string) {
	if len(node.Positional)+len(flags(node)) == 0 {
		return
	}
	if heading != "" {
		p.request(level, heading)
	}
	for _, a := range node.Positional {
		p.entry(argument(a), "", a.Help)
	}
	for _, f := range flags(node) {
		p.flag(f)
	}
}

// args are the arguments of node as its synopsis writes them.
func args(node *kong.Node) []string {
	var all []string
	for _, a := range node.Positional {
		name := argument(a)
		if a.IsCumulative() {
			name += "..."
		}
		if !a.Required {
			name = "[" + name + "]"
		}
		all = append(all, name)
	}
	return all
}

func argument(a *kong.Positional) string {
	if a.Tag.PlaceHolder != "" {
		return a.Tag.PlaceHolder
	}
	return strings.ToUpper(a.Name)
}

// flag writes one flag, what it stands at when it is not given, and its variable.
func (p *page) flag(f *kong.Flag) {
	term, rest := strings.Join(spellings(f), ", "), ""
	if takesValue(f) {
		rest = "=" + f.FormatPlaceHolder()
	}
	means := f.Help
	if takesValue(f) && f.HasDefault && f.Default != "" && f.Default != "0" && f.PlaceHolder != "" {
		means += " Default: " + f.Default + "."
	}
	if len(f.Envs) > 0 {
		means += " [" + strings.Join(f.Envs, ", ") + "]"
	}
	p.entry(term, rest, means)
}
