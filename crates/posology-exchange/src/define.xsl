<?xml version="1.0" encoding="UTF-8"?>
<!-- Shows a Define-XML 2.1 as tables: data sets, variables, value lists, code lists, methods, comments. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns:odm="http://www.cdisc.org/ns/odm/v1.3" xmlns:def="http://www.cdisc.org/ns/def/v2.1"
    xmlns:xlink="http://www.w3.org/1999/xlink" exclude-result-prefixes="odm def xlink">
  <xsl:output method="html" encoding="UTF-8" indent="yes" doctype-system="about:legacy-compat"/>
  <xsl:key name="item" match="odm:ItemDef" use="@OID"/>
  <xsl:key name="method" match="odm:MethodDef" use="@OID"/>
  <xsl:key name="list" match="odm:CodeList" use="@OID"/>
  <xsl:key name="comment" match="def:CommentDef" use="@OID"/>
  <xsl:key name="where" match="def:WhereClauseDef" use="@OID"/>
  <xsl:key name="values" match="def:ValueListDef" use="@OID"/>

  <xsl:template match="/">
    <xsl:variable name="version" select="odm:ODM/odm:Study/odm:MetaDataVersion"/>
    <html lang="en">
      <head>
        <meta charset="UTF-8"/>
        <title><xsl:value-of select="$version/@Name"/></title>
        <style>
          body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1c1e21; }
          h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; border-top: 2px solid #1c1e21; padding-top: .5rem; }
          h3 { font-size: 1rem; margin: 1.8rem 0 .4rem; }
          table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .25rem .5rem; border-bottom: 1px solid #d6d9dd; }
          thead th { border-bottom: 2px solid #1c1e21; font-size: .85rem; } tbody th { font-weight: 600; }
          code { font: inherit; font-weight: 600; } .hint { color: #555b63; } a { color: #0b57a4; }
          @media print { body { max-width: none; margin: 0; } tr { break-inside: avoid; } thead { display: table-header-group; } }
        </style>
      </head>
      <body>
        <h1><xsl:value-of select="$version/@Name"/></h1>
        <p><xsl:value-of select="odm:ODM/odm:Study/odm:GlobalVariables/odm:StudyDescription"/></p>
        <p class="hint">Made by <xsl:value-of select="odm:ODM/@SourceSystem"/><xsl:text> </xsl:text><xsl:value-of select="odm:ODM/@SourceSystemVersion"/> of data as of <xsl:value-of select="odm:ODM/@CreationDateTime"/>.
          <xsl:for-each select="$version/def:Standards/def:Standard"><xsl:if test="position() &gt; 1">, </xsl:if><xsl:value-of select="@Name"/><xsl:text> </xsl:text><xsl:value-of select="@PublishingSet"/><xsl:text> </xsl:text><xsl:value-of select="@Version"/></xsl:for-each>.</p>
        <h2>Data sets</h2>
        <table>
          <thead><tr><th scope="col">Name</th><th scope="col">Label</th><th scope="col">Class</th><th scope="col">Structure</th><th scope="col">Keys</th><th scope="col">File</th></tr></thead>
          <tbody>
            <xsl:for-each select="$version/odm:ItemGroupDef">
              <tr>
                <th scope="row"><a href="#{@OID}"><xsl:value-of select="@Name"/></a></th>
                <td><xsl:value-of select="odm:Description/odm:TranslatedText"/></td>
                <td><xsl:value-of select="def:Class/@Name"/></td>
                <td><xsl:value-of select="@def:Structure"/></td>
                <td><xsl:for-each select="odm:ItemRef[@KeySequence]"><xsl:sort select="@KeySequence" data-type="number"/><xsl:if test="position() &gt; 1">, </xsl:if><xsl:value-of select="key('item', @ItemOID)/@Name"/></xsl:for-each></td>
                <td><a href="{def:leaf/@xlink:href}"><xsl:value-of select="def:leaf/def:title"/></a></td>
              </tr>
            </xsl:for-each>
          </tbody>
        </table>
        <h2>Variables</h2>
        <xsl:for-each select="$version/odm:ItemGroupDef">
          <h3 id="{@OID}"><xsl:value-of select="@Name"/>: <xsl:value-of select="odm:Description/odm:TranslatedText"/></h3>
          <xsl:if test="@def:CommentOID"><p class="hint"><xsl:value-of select="key('comment', @def:CommentOID)/odm:Description/odm:TranslatedText"/></p></xsl:if>
          <table>
            <thead><tr><th scope="col">Variable</th><th scope="col">Label</th><th scope="col">Type</th><th scope="col">Length</th><th scope="col">Terms</th><th scope="col">Origin</th><th scope="col">Method</th></tr></thead>
            <tbody>
              <xsl:for-each select="odm:ItemRef">
                <xsl:variable name="method" select="@MethodOID"/>
                <xsl:for-each select="key('item', @ItemOID)">
                  <xsl:call-template name="variable"><xsl:with-param name="method" select="$method"/></xsl:call-template>
                  <xsl:for-each select="key('values', def:ValueListRef/@ValueListOID)/odm:ItemRef">
                    <xsl:variable name="where" select="key('where', def:WhereClauseRef/@WhereClauseOID)/odm:RangeCheck"/>
                    <xsl:for-each select="key('item', @ItemOID)">
                      <xsl:call-template name="variable"><xsl:with-param name="where" select="$where"/></xsl:call-template>
                    </xsl:for-each>
                  </xsl:for-each>
                </xsl:for-each>
              </xsl:for-each>
            </tbody>
          </table>
        </xsl:for-each>
        <xsl:if test="$version/odm:CodeList">
          <h2>Code lists</h2>
          <xsl:for-each select="$version/odm:CodeList">
            <h3 id="{@OID}"><xsl:value-of select="@Name"/> <span class="hint"><xsl:text> </xsl:text><xsl:value-of select="odm:Alias/@Name"/></span></h3>
            <table>
              <thead><tr><th scope="col">Term</th><th scope="col">Meaning</th><th scope="col">Code</th></tr></thead>
              <tbody>
                <xsl:for-each select="odm:EnumeratedItem | odm:CodeListItem">
                  <tr><th scope="row"><xsl:value-of select="@CodedValue"/></th><td><xsl:value-of select="odm:Decode/odm:TranslatedText"/></td><td><xsl:value-of select="odm:Alias/@Name"/><xsl:if test="@def:ExtendedValue">sponsor's extension</xsl:if></td></tr>
                </xsl:for-each>
              </tbody>
            </table>
          </xsl:for-each>
        </xsl:if>
      </body>
    </html>
  </xsl:template>

  <xsl:template name="variable">
    <xsl:param name="method"/>
    <xsl:param name="where"/>
    <tr>
      <th scope="row">
        <xsl:choose>
          <xsl:when test="$where"><span class="hint">where <xsl:value-of select="key('item', $where/@def:ItemOID)/@Name"/> is </span><xsl:value-of select="$where/odm:CheckValue"/></xsl:when>
          <xsl:otherwise><xsl:value-of select="@Name"/></xsl:otherwise>
        </xsl:choose>
      </th>
      <td><xsl:value-of select="odm:Description/odm:TranslatedText"/></td>
      <td><xsl:value-of select="@DataType"/></td>
      <td><xsl:value-of select="@Length"/></td>
      <td><xsl:if test="odm:CodeListRef"><a href="#{odm:CodeListRef/@CodeListOID}"><xsl:value-of select="key('list', odm:CodeListRef/@CodeListOID)/@Name"/></a></xsl:if></td>
      <td><xsl:value-of select="def:Origin/@Type"/><xsl:if test="def:Origin/odm:Description"><xsl:text> </xsl:text><xsl:value-of select="def:Origin/odm:Description/odm:TranslatedText"/></xsl:if></td>
      <td><xsl:value-of select="key('method', $method)/odm:Description/odm:TranslatedText"/></td>
    </tr>
  </xsl:template>
</xsl:stylesheet>
