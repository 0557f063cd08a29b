import { render } from 'preact'

const page = document.getElementById('page')
if (page) render(<h1>Kirim C.HASIL</h1>, page)
