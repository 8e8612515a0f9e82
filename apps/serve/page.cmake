# cmake -DFOLDER=page -DOUTPUT=page_files.cpp -P page.cmake: writes the files of the page as C++.
set(text "#include \"page.hpp\"\n\nnamespace kvmem::apps {\n\n")
set(names page_html page_script page_style)
set(files index.html app.js style.css)
foreach(name file IN ZIP_LISTS names files)
  file(READ ${FOLDER}/${file} bytes HEX)
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
  string(APPEND text "static constexpr char ${name}_bytes[] = \"${bytes}\";\n"
                     "const std::string_view ${name}(${name}_bytes, sizeof ${name}_bytes - 1);\n")
endforeach()
file(WRITE ${OUTPUT} "${text}\n}  // namespace kvmem::apps\n")
