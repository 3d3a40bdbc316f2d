/** Code is no text: what looks like a link or a heading there is none. */
function withoutCode(markdown: string): string {
  return markdown
    .replaceAll(/^```[\s\S]*?^```$/gm, '')
    .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, ' '))
}

/** Where the links and pictures of a page lead. */
export function linksOf(markdown: string): string[] {
  const text = withoutCode(markdown)
  const inline = text.matchAll(/\]\(([^)\s]+)\)/g)
  const references = text.matchAll(/^\[[^\]]+\]: (\S+)$/gm)
  const pictures = text.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g)
  return [...inline, ...references, ...pictures].map(([, target = '']) => target)
}

/** What its headings can be linked to by, as GitHub makes it of them. */
export function anchorsOf(markdown: string): string[] {
  return [...withoutCode(markdown).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
