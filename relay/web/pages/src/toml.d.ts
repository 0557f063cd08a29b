declare module '*.toml' {
  const document: Record<string, unknown>
  export default document
}
